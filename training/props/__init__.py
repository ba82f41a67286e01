"""Things that are drawn procedurally, of which the negatives are composed."""
