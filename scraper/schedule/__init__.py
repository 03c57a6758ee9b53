"""`--every 6h`: the same command again and again, a process for each beat.

beats     when the next beat is: a function of clock readings
waiting   the clock behind it; signals, and the wait that they end
process   one beat: a child that outlives neither a signal nor its parent
every     the schedule: which beats there are, and what is said of them
__main__  the child's side
"""
