"""Labs that train models, and the terms on which they find money, compute and people."""
