#!lua name=ratwatch1
