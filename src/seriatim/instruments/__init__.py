"""What a trained model can be asked: how far back it looks, what it sees, what it costs."""
