"""Networks: one file per protocol, and `composed`, put together from mechanisms in a scenario file."""
