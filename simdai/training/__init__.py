"""Training in the open: who decides, who contributes, who computes, and on whose data."""
