from .blocks import Encoder
from .head import *
