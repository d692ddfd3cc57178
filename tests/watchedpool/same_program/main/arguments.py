# exits 2

import argparse
import sys

parser = argparse.ArgumentParser(description="A program.")
parser.add_argument("-o", help="is not for others")
parser.add_argument("files", nargs="*")
print(parser.prog, parser.parse_args(["-o", "x", "--", "-m", "-c"]))
parser.print_help()
sys.argv.append("--wrong")
parser.parse_args()
