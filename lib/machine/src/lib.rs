//! Boards: a load plan becomes RAM, devices and CPUs that run.
