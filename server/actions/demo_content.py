"""What the demonstration project says: people, places and the defects of a building in its last month."""

from __future__ import annotations

from typing import Final

PROJECT: Final = "Harbour Row, Block 2"

SECTORS: Final = (("B-4", "Building B, 4th floor"), ("C-2", "Building C, 2nd floor"))

COMPANIES: Final = ("Harbour Build", "Northside Tiling", "Brightline Electric", "Keel Joinery", "Clearwater Plumbing")

TRADES: Final = ("Tiling", "Electrical", "Joinery", "Plumbing", "Painting", "Drywall", "Glazing", "Flooring")

PEOPLE: Final = (
    # login, name, password on this machine alone, company, role, sectors (none: the whole project)
    ("ana", "Ana Reyes", "ana likes straight tiles", 0, "worker", ("B-4",)),
    ("bo", "Bo Lindqvist", "bo hangs every door", 0, "worker", ("B-4", "C-2")),
    ("sam", "Sam Okafor", "sam signs when it fits", 0, "supervisor", ("B-4", "C-2")),
    ("kim", "Kim Tran", "kim counts the bolts", 0, "storekeeper", ("B-4", "C-2")),
    ("ada", "Ada Novak", "ada reads it twice", 0, "auditor", ()),
    ("max", "Max Adler", "max keeps it running", 0, "admin", ()),
    ("gus", "Gus Marino", "gus grouts on fridays", 1, "guest", ("B-4",)),
)

ROOMS: Final = (
    "Flat {floor}01, kitchen", "Flat {floor}01, bathroom", "Flat {floor}01, bedroom 1", "Flat {floor}02, kitchen",
    "Flat {floor}02, living room", "Flat {floor}02, balcony", "Flat {floor}03, bathroom", "Flat {floor}03, hall",
    "Flat {floor}03, bedroom 2", "Flat {floor}04, kitchen", "Flat {floor}04, shower room", "Corridor east",
    "Corridor west", "Stair 1, landing", "Stair 2, landing", "Riser cupboard", "Plant room", "Lift lobby",
)  # fmt: skip

DEFECTS: Final = (
    # trade, company, type, title, description
    (0, 1, "defect", "Cracked tile beside the shower tray", "Hairline crack across the third tile from the corner."),
    (0, 1, "incomplete", "Grout missing behind the washbasin", "About 40 cm, both sides of the waste pipe."),
    (0, 1, "defect", "Hollow tile, second row", "Sounds hollow when tapped; lift and bed again."),
    (0, 1, "defect", "Uneven tile joint at the threshold", "Step of 2 mm, people will trip over it."),
    (1, 2, "defect", "Socket not fixed to its box", "Moves when a plug is pulled."),
    (1, 2, "incomplete", "Light switch plate missing", ""),
    (1, 2, "safety", "Open junction box above the ceiling", "Cover missing, live ends taped only."),
    (1, 2, "defect", "Downlight flickers", "Third from the window; the driver hums."),
    (1, 2, "incomplete", "Circuit labels missing in the board", "Circuits 7 to 12."),
    (2, 3, "defect", "Door binds on the frame", "Rubs at the top of the closing edge."),
    (2, 3, "damage", "Dent in the door leaf", "At handle height, corridor side."),
    (2, 3, "incomplete", "Door closer not adjusted", "Slams; needs the second valve closed a little."),
    (2, 3, "defect", "Skirting open at the corner", "Mitre has opened by 3 mm."),
    (2, 3, "defect", "Kitchen drawer does not close", "Runner bent on the left."),
    (3, 4, "defect", "Slow drain in the basin", "Water stands for a minute."),
    (3, 4, "defect", "Dripping stop valve", "Under the sink, cold side."),
    (3, 4, "incomplete", "Radiator valve cap missing", ""),
    (3, 4, "safety", "Hot pipe without insulation", "Within reach of children, below the window."),
    (3, 4, "defect", "Toilet pan loose", "Rocks; seal is broken."),
    (4, 0, "defect", "Paint runs beside the window", "Left reveal, from the head down."),
    (4, 0, "incomplete", "Second coat missing on the ceiling", "Roller marks in raking light."),
    (4, 0, "damage", "Scuffs on the wall", "From moving furniture, 1 m high."),
    (4, 0, "observation", "Colour differs from the sample", "Looks warmer than the approved board."),
    (5, 0, "defect", "Joint tape visible", "Second board from the door."),
    (5, 0, "damage", "Hole in the board behind the door", "Handle went through; needs a stop as well."),
    (5, 0, "incomplete", "Access panel not fitted", "Opening is cut, frame is in the room."),
    (6, 0, "damage", "Scratched window pane", "20 cm, outside, lower right."),
    (6, 0, "defect", "Window does not lock", "Keep is set too far out."),
    (6, 0, "defect", "Seal loose at the balcony door", "Hangs out at the bottom hinge."),
    (7, 0, "defect", "Floor squeaks", "Two boards in from the hall."),
    (7, 0, "damage", "Burn mark on the vinyl", "Size of a coin, by the heater."),
    (7, 0, "incomplete", "Transition strip missing", "Between hall and kitchen."),
    (7, 0, "safety", "Loose stair nosing", "Fourth step; screw it today."),
)

COMMENTS: Final = (
    "Seen, starting tomorrow morning.",
    "Material is ordered, should be here on Thursday.",
    "Is this ours? The damage was there before us.",
    "Done, please look again.",
    "Same thing next door.",
    "Could not get in, the room was locked.",
    "Photo to follow.",
    "Measured it: 3 mm over 2 m.",
    "Please wait until the painters are through.",
)

REASONS: Final = {
    "item.send_back": "Still visible in daylight, please do it again.",
    "item.dispute": "Another company caused this.",
    "item.void": "Within tolerance, measured together.",
}
