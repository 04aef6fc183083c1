"""Shop the look: a picture of a garment is turned into the garments of a catalogue that look like it."""
