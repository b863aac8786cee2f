"""sales.py COUNT [CUSTOMERS [PRODUCTS]]: so many sales on stdout, spread evenly over one hour; the same every time."""

import sys


def sales(count, customers=20000, products=3):
    state = 1
    for i in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF  # Knuth's MMIX
        pick = state >> 33
        second = i * 3600 // count
        yield (10000 + pick % customers, 85120 + (pick >> 8) % products, pick % 50000,
               f"2010-12-01T08:{second // 60:02d}:{second % 60:02d}")


def main():
    numbers = [int(a) for a in sys.argv[1:]]
    write = sys.stdout.write
    for customer, product, cents, when in sales(*numbers):
        write(f'{{"cliente_id":{customer},"producto":"{product}A","monto":{cents // 100}.{cents % 100:02d},'
              f'"fecha":"{when}"}}\n')


if __name__ == "__main__":
    main()
