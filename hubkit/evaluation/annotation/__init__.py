"""Human judgements of sentence pairs: which are asked for, how they are kept, and what follows from them."""
