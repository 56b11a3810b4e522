"""What all actors share: the ledger, the compute market, token markets, demand, providers, shocks."""
