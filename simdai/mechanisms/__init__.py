"""Rules of the world as pure functions and frozen classes: no clock, no ledger, no draws of their own."""
