"""All that answers raw words with raw words, and the proof that they agree."""
