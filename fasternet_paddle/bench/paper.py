"""The paper's numbers, each once: Chen et al., "Run, Don't Walk: Chasing Higher FLOPS", CVPR 2023.

Its FLOPs are multiply-adds, its CPU one thread of an i9-9900X, its GPU a 2080 Ti.
"""

OPERATOR_SHAPES = ((96, 56), (192, 28), (384, 14), (768, 7))  # table 1: channels, side in pixels
OPERATOR_CPU_MS = {  # table 1: ten layers, one image; in the order of OPERATOR_SHAPES
    "Conv 3x3": (35.7, 28.4, 31.9, 62.7),
    "DWConv": (3.59, 1.97, 1.06, 0.68),
    "PConv": (5.46, 3.09, 3.58, 5.02),
}
PAPER_SPEED = {  # tables 6 and 7: top-1 on ImageNet in %, CPU ms for one image, GPU images/s
    "FasterNet-T0": (71.9, 9.2, 6807),
    "FasterNet-T1": (76.2, 17.7, 3782),
    "FasterNet-T2": (78.9, 33.5, 1991),
    "FasterNet-S": (81.3, 71.2, 1029),
    "FasterNet-M": (83.0, 129.5, 500),
    "FasterNet-L": (83.5, 219.5, 323),
}
PAPER_COST = {  # table 6: parameters in millions, FLOPs in 1e9
    "FasterNet-T0": (3.9, 0.34),
    "FasterNet-T1": (7.6, 0.85),
    "FasterNet-T2": (15.0, 1.91),
    "FasterNet-S": (31.1, 4.56),
    "FasterNet-M": (53.5, 8.74),
    "FasterNet-L": (93.5, 15.52),
}
