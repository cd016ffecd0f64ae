"""Which adapters there are: installed ones, and (through an index) published ones."""
