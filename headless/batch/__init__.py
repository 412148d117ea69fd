"""Thousands of texts, plans and motions to videos: `signgen batch`. rows -> runner -> executor -> worker -> work, with the ledger as memory."""
