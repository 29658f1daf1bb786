//! System instructions: MSR, MRS, SYS, hints, barriers, exception generation.
