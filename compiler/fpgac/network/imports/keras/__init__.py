"""Files of Keras 2 and 3, of QKeras and of HGQ2, read without any of them."""
