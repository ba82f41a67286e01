"""From a trained or foreign model to a bundle for every engine, with proof that each of them still tells the truth."""
