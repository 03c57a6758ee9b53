"""Pictures that move: GIF, APNG, WebP and AVIF, read and written.

timeline  how long each frame is shown, and how often all of them
frames    each frame as a browser shows it
gif       the blocks of a GIF: read, written
apng      the chunks of an animated PNG: read, written
webp      when the frames of a WebP are shown
avif      when those of an AVIF are
encode    frames -> the bytes of a file that moves
"""
