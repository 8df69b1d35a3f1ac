"""The network in Keras: trained there, and asked for its answers, in a process of its own."""
