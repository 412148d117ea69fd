"""Motion as tokens: features of four streams, a tokenizer that quantises them, and a language model of the tokens. Needs torch, but for the features."""
