"""What a picture becomes, variant by variant.

sizes       how large it becomes in a box
framing     what the box cuts off, or puts around it
operations  what else is done to it, in which order
effects     crop, rotate, blur, sharpen, autocontrast
own         a user's own function
stills      a picture that is decoded -> a still
moving      a picture that moves -> one that moves
phash       all of it in 64 bits, to be compared with those of others
"""
