"""Invented people, for orders that look real: example.com addresses and numbers that ring nowhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Person:
    """Someone who buys, and where it goes. An empty text is something not given."""

    first_name: str
    last_name: str
    address_1: str
    city: str
    postcode: str
    county: str = ""
    address_2: str = ""
    company: str = ""
    country: str = "GB"  # ISO 3166-1 alpha-2
    country_name: str = "United Kingdom"
    state: str = ""  # the platforms' code of a state or province; UK addresses need none
    phone: str = ""
    email: str = ""


# Numbers of 01632 960000-960999 are set aside for drama: https://www.ofcom.org.uk (numbers for use in TV and radio)
PEOPLE = (
    Person(
        first_name="Amelia",
        last_name="Thornbury",
        address_1="14 Larkspur Row",
        city="Harrowgate Green",
        county="North Yorkshire",
        postcode="YO51 9ZQ",
        phone="01632 960101",
        email="amelia.thornbury@example.com",
    ),
    Person(
        first_name="Rhys",
        last_name="Penhallow",
        address_1="Flat 3, The Old Ropeworks",
        address_2="Quay Street",
        city="Port Merrin",
        county="Cornwall",
        postcode="TR26 9XH",
        phone="01632 960102",
        email="rhys.penhallow@example.com",
    ),
    Person(
        first_name="Niamh",
        last_name="O'Carrick",
        address_1="7 Slieve View",
        city="Ballyvarnet",
        county="County Down",
        postcode="BT19 9AA",
        phone="01632 960103",
        email="niamh.ocarrick@example.com",
    ),
    Person(
        first_name="Zoë",
        last_name="Łukasz-Bryce",
        company="Bryce & Daughters Ltd",
        address_1="Unit 5, Kiln Yard",
        city="Stoke Ferrars",
        county="Staffordshire",
        postcode="ST4 9QZ",
        phone="01632 960104",
        email="zoe@bryce.example.com",
    ),
    Person(
        first_name="Callum",
        last_name="Drysdale",
        address_1="22 Birk Brae",
        city="Inverlochan",
        county="Highland",
        postcode="IV63 9WW",
        phone="01632 960105",
        email="callum.drysdale@example.com",
    ),
    Person(
        first_name="Priya",
        last_name="Venkataraman",
        address_1="101 Saffron Court",
        address_2="Minster Lane",
        city="Leicester",
        county="Leicestershire",
        postcode="LE1 9ZZ",
        phone="01632 960106",
        email="priya.v@example.com",
    ),
)

ABROAD = Person(
    first_name="Jürgen",
    last_name="Großmann",
    address_1="Musterweg 8a",
    city="Neuhafen",
    county="Bayern",
    postcode="80999",
    country="DE",
    country_name="Germany",
    state="BY",
    phone="+49 89 99998123",
    email="juergen.grossmann@example.com",
)


def person(number: int) -> Person:
    """The person of an order's number: the same number is always the same person."""
    return PEOPLE[number % len(PEOPLE)]
