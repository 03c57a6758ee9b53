"""What a picture becomes, variant by variant.

sizes    how large it becomes in a box
framing  what the box cuts off, or puts around it
stills   a picture that is decoded -> a still
moving   a picture that moves -> one that moves
"""
