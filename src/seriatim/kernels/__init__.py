"""Forward and backward passes written by hand for speed; a test holds each equal to its plain counterpart."""
