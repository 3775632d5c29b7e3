"""Images that architectures are trained on: data sets by name, readers, a store. No torch here."""
