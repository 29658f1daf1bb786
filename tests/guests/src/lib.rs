//! Guest programs of our own, and the demo IPSW made of them.
