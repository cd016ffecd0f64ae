"""Adapter methods, one file each; a plugin's method has the same shape (:class:`hubkit.adapter.method.Method`)."""
