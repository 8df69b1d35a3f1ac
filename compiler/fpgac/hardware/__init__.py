"""What the vendor's tools made: is it of the design that they were given, and as fast as asked?"""
