"""Pictures from strangers: what they are (`headers`), and previews of them made in a process of their own (`previews`).

Only `decode`, which runs in that process, ever opens a picture; the server reads headers and nothing else.
"""
