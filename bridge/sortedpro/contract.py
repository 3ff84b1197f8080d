"""The Create Order request of SortedPRO's Orders API (electio-api-version 1.1): what it may hold, and its JSON.

Read from Sorted's documentation (https://docs.sorted.com/pro/api/help/creating_new_orders.html), the reference of its
.NET SDK v3 and the types of its SDK v1 (https://github.com/electio/MPD.Electio.SDK). Null is taken where the SDK's type
is nullable. No lengths are published, so none are checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import simplejson
from marshmallow import Schema, ValidationError, validates_schema

from bridge.sortedpro import rules
from bridge.sortedpro.fields import Choice, Deprecated, Flag, Int32, ListOf, Number, Part, Text, Time, nearest

_SCHEMA = "_schema"  # marshmallow's key for what concerns an object as a whole
_TIME_OF_DAY = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,7})?)?"

# Rules run also beside wrong fields, so that everything wrong with an order is told at once.
_rule = validates_schema(pass_original=True, skip_on_field_errors=False)


class StrictSchema(Schema):
    """A schema that refuses unknown fields and names the one that was probably meant."""

    error_messages = {  # noqa: RUF012 (marshmallow's own declaration)
        "type": "must be an object with fields of its own",
        "unknown": "is no field of SortedPRO's",
    }

    def handle_error(self, error: ValidationError, data: object, *, many: bool, **_: object) -> None:
        """Add the nearest name to the message of each unknown field."""
        if many or not isinstance(data, Mapping) or not isinstance(error.messages, dict):
            return
        known = [name for name, field in self.fields.items() if not isinstance(field, Deprecated)]
        for name in data:
            if name not in self.fields:
                near = nearest(str(name), known)
                way_out = f"did you mean {near}?" if near else f"it takes {', '.join(sorted(known))}"
                error.messages[name] = [f"{self.error_messages['unknown']}; {way_out}"]


class WeightSchema(StrictSchema):
    """A weight; grams do not exist on the wire, "Lbs" is known from third parties only."""

    Value = Number(required=True, above=0)
    Unit = Choice("Kg", "Lbs", required=True)
    Kg = Deprecated("Value with Unit Kg")


class DimensionsSchema(StrictSchema):
    """Three lengths, in centimetres unless Unit says otherwise; "Mm" and "In" are known from third parties only."""

    Unit = Choice("Cm", "Mm", "In")
    Width = Number(required=True, above=0)
    Length = Number(required=True, above=0)
    Height = Number(required=True, above=0)


class CurrencySchema(StrictSchema):
    """A currency by ISO 4217."""

    IsoCode = Text(required=True, pattern="[A-Z]{3}", form="a currency's three capital letters, such as GBP")
    Name = Text()


class MoneySchema(StrictSchema):
    """An amount in major units (5.99)."""

    Amount = Number(required=True, least=0)
    Currency = Part(CurrencySchema, required=True)


class IsoCodeSchema(StrictSchema):
    """A country's code by ISO 3166-1; Northern Ireland is GB with a BT postcode."""

    TwoLetterCode = Text(
        required=True, pattern="(?!UK)[A-Z]{2}", form="a country's two capital letters, such as GB (UK is none)"
    )
    ThreeLetterCode = Text()
    NumericCode = Text()


class CountrySchema(StrictSchema):
    """A country; the name is cosmetic."""

    Name = Text()
    IsoCode = Part(IsoCodeSchema, required=True)


class BarcodeSchema(StrictSchema):
    """A barcode that stands on an item or package."""

    Code = Text()
    # https://github.com/electio/MPD.Electio.SDK: MPD.Electio.SDK.DataTypes/Common/Enums/BarcodeType.cs
    BarcodeType = Choice(
        *("AustraliaPostalCode", "AztecCode", "Codabar", "Code11", "Code128", "Code39", "ExtendedCode39", "Code93"),
        *("CompositeCode", "DataMatrix", "EAN13", "EAN8", "EANBookland", "Industrial2Of5", "Interleaved2Of5", "ITF14"),
        *("LOGMARS", "Maxicode", "MSI", "OPC", "PDF417", "Plessey", "Postnet", "QRCode", "SCC14", "Standard2Of5"),
        *("UCCEAN218", "UCCEANShippingContainerCode", "UPCShippingContainerCode", "UPCA", "UPCE", "Unknown"),
        required=True,
    )


class MetaDataSchema(StrictSchema):
    """A custom field: KeyValue is its name, beside it at most one value of each kind."""

    KeyValue = Text(required=True, filled=True)
    StringValue = Text()
    IntValue = Int32(nullable=True)
    DecimalValue = Number(nullable=True)
    DateTimeValue = Time(nullable=True)
    BoolValue = Flag(nullable=True)

    @_rule
    def _has_value(self, _loaded: object, given: object, **_: object) -> None:
        _refuse(rules.metadata_has_value, given)


class MetaDataOwnerSchema(StrictSchema):
    """What carries custom fields."""

    MetaData = ListOf(Part(MetaDataSchema, required=True))

    @_rule
    def _metadata_names_once(self, _loaded: object, given: object, **_: object) -> None:
        _refuse(rules.metadata_names_once, given)


class ContactSchema(StrictSchema):
    """A person; the three required texts may be empty (SDK v1, Contact.cs: Required.Always).

    Telephone is an alias of Mobile in Sorted's SDK: where both are sent they should be equal.
    """

    Reference = Text()
    Title = Text()
    FirstName = Text(required=True)
    LastName = Text(required=True)
    Position = Text()
    Telephone = Text()
    Mobile = Text()
    LandLine = Text()
    Email = Text(required=True)


class LatLongSchema(StrictSchema):
    """A place on the earth, in degrees."""

    Latitude = Number(required=True, least=-90, most=90)
    Longitude = Number(required=True, least=-180, most=180)


class AddressSchema(StrictSchema):
    """An address of the order; a ShippingLocationReference alone is a whole one."""

    AddressType = Choice(*rules.ADDRESS_TYPES, required=True)
    ShippingLocationReference = Text()
    ShopLocationReference = Text()
    Contact = Part(ContactSchema)
    CompanyName = Text()
    CustomerName = Text()
    AddressLine1 = Text()
    AddressLine2 = Text()
    AddressLine3 = Text()
    Town = Text()
    Region = Text()
    RegionCode = Text()
    Postcode = Text()
    Country = Part(CountrySchema)
    SpecialInstructions = Text()
    LatLong = Part(LatLongSchema)
    # Leftovers of the SDK's cache, not needed; the documentation's own examples send IsCached.
    IsCached = Flag()
    CacheDate = Text()
    CacheSource = Text()
    ContactName = Text()
    LatitudeLongitude = Deprecated("LatLong")

    @_rule
    def _whole_address(self, _loaded: object, given: object, **_: object) -> None:
        _refuse(rules.whole_address, given)


class ItemSchema(MetaDataOwnerSchema):
    """One kind of goods in a package. Pack Order needs Sku or ItemReferenceProvidedByCustomer to name it later."""

    Reference = Text()  # SortedPRO gives its own
    Sku = Text()
    Model = Text()
    Description = Text()
    CountryOfOrigin = Part(CountrySchema)
    HarmonisationCode = Text()
    Weight = Part(WeightSchema, required=True)
    Dimensions = Part(DimensionsSchema, required=True)
    Value = Part(MoneySchema, required=True)
    ItemReferenceProvidedByCustomer = Text()
    Barcode = Part(BarcodeSchema)
    Quantity = Int32(least=1, nullable=True)
    Unit = Text()  # free text: how the item is packaged
    HarmonisationKeyWords = ListOf(Text(required=True))
    Status = Text()
    ContentClassification = Choice("NotSpecified", "Unrestricted", "Dangerous", "Restricted", "Liquid", nullable=True)
    ContentClassificationDetails = Choice(
        *("NotSpecified", "Explosive", "Flammable", "Toxic", "Aerosols", "Alcohol", "Batteries", "Electronics", "Guns"),
        *("Lighters", "NailVarnish", "PerfumeOrAftershave", "Medicine", "LiveAnimals"),
        nullable=True,
    )
    UnitOfQuantity = Deprecated("Quantity")
    ItemUnit = Deprecated("Unit")
    ItemReferenceAssignedByCustomer = Deprecated("ItemReferenceProvidedByCustomer")


class ConsignmentLegSchema(StrictSchema):
    """One leg of the journey; SortedPRO sets it when a carrier is chosen, so it is better left out."""

    Leg = Int32()
    TrackingReferences = ListOf(Text(required=True))
    CarrierReference = Text()
    CarrierServiceReference = Text()
    CarrierName = Text()
    TrackingReference = Deprecated("TrackingReferences, a list")


class ChargeSchema(StrictSchema):
    """A customs charge; "DisountRebate" is Sorted's own spelling."""

    Key = Choice("Others", "SalesTax", "Duty", "Excise", "Insurance", "DisountRebate", required=True)
    Value = Number(required=True)


class PackageSchema(MetaDataOwnerSchema):
    """A package with at least one item: without items an order cannot be packed."""

    Reference = Text()  # SortedPRO gives its own, EP-...
    PackageReferenceProvidedByCustomer = Text()
    Weight = Part(WeightSchema)
    Dimensions = Part(DimensionsSchema)
    Description = Text(required=True, filled=True)
    Value = Part(MoneySchema, required=True)
    PackageSizeReference = Text()
    Barcode = Part(BarcodeSchema)
    ConsignmentLegs = ListOf(Part(ConsignmentLegSchema, required=True))
    Items = ListOf(Part(ItemSchema, required=True), required=True, filled=True)
    Charges = ListOf(Part(ChargeSchema, required=True))
    TrackingReference = Deprecated("ConsignmentLegs, or leave it out: SortedPRO sets it")

    @_rule
    def _measures(self, _loaded: object, given: object, **_: object) -> None:
        _refuse(rules.measures, given)


class CustomsDocumentationSchema(StrictSchema):
    """What customs papers need."""

    DesignatedPersonResponsible = Text()
    ImportersVatNumber = Text()
    # "SaleOfGoods" is announced in Sorted's Brexit guide; "Personal" is known from a third-party client only.
    CategoryType = Choice(
        *("None", "Gift", "CommercialSample", "Documents", "Other", "ReturnedGoods", "SaleOfGoods", "Personal")
    )
    ShipperCustomsReference = Text()
    ImportersTaxCode = Text()
    ImportersTelephone = Text()
    ImportersFax = Text()
    ImportersEmail = Text()
    CN23Comments = Text()
    ReferencesOfAttachedInvoices = ListOf(Text(required=True))
    ReferencesOfAttachedCertificates = ListOf(Text(required=True))
    ReferencesOfAttachedLicences = ListOf(Text(required=True))
    CategoryTypeExplanation = Text()
    DeclarationDate = Time()
    OfficeOfPosting = Text()
    ReasonForExport = Text()  # free text, such as "Sale"
    ShippingTerms = Choice(
        *("None", "EXW", "FCA", "CPT", "CIP", "DAT", "DAP", "DDP", "FAS", "FOB", "CFR", "CIF", "DDU")
    )
    ShippersVatNumber = Text()
    ReceiversTaxCode = Text()
    ReceiversVatNumber = Text()
    InvoiceDate = Time()
    ReceiversShippingCost = Number(least=0, nullable=True)
    ImportersCode = Deprecated("ImportersTaxCode")


class DeliveryWindowSchema(StrictSchema):
    """Between which times of the day to deliver."""

    Start = Text(pattern=_TIME_OF_DAY, form="a time of day, such as 09:00:00")
    End = Text(pattern=_TIME_OF_DAY, form="a time of day, such as 17:30:00")
    UtcOffset = Text()
    StartString = Text()
    EndString = Text()


class RequestedDeliveryDateSchema(StrictSchema):
    """When the customer wants it. It limits the carriers that can be chosen."""

    Date = Time(required=True)
    IsToBeExactlyOnTheDateSpecified = Flag()
    DeliveryWindow = Part(DeliveryWindowSchema)


class CreateOrderSchema(MetaDataOwnerSchema):
    """The whole request. `load` gives a dict of str, int, bool, Decimal and aware datetime; no defaults are filled in.

    Raises marshmallow's ValidationError, whose `messages` are for `flatten`.
    """

    OrderReferenceProvidedByCustomer = Text()
    RequiredDeliveryDate = Part(RequestedDeliveryDateSchema)
    Source = Choice("Api", "Web")
    ShippingDate = Time(nullable=True)
    Packages = ListOf(Part(PackageSchema, required=True), required=True, filled=True)
    CustomsDocumentation = Part(CustomsDocumentationSchema)
    Addresses = ListOf(Part(AddressSchema, required=True), required=True)
    Direction = Choice("Outbound", "Inbound")
    Tags = ListOf(Text(required=True, filled=True))
    RequestedDeliveryDate = Deprecated("RequiredDeliveryDate")
    ConsignmentReferenceProvidedByCustomer = Deprecated("OrderReferenceProvidedByCustomer")

    @_rule
    def _both_ends(self, _loaded: object, given: object, **_: object) -> None:
        _refuse(rules.both_ends, given)

    @_rule
    def _one_address_a_type(self, _loaded: object, given: object, **_: object) -> None:
        _refuse(rules.one_address_a_type, given)

    @_rule
    def _one_end_is_a_location(self, _loaded: object, given: object, **_: object) -> None:
        _refuse(rules.one_end_is_a_location, given)

    @_rule
    def _item_references_once(self, _loaded: object, given: object, **_: object) -> None:
        _refuse(rules.item_references_once, given)


def encode(loaded: Mapping[str, Any]) -> bytes:
    """The JSON of what `CreateOrderSchema.load` returned, as UTF-8; Decimals are written digit by digit."""
    text = simplejson.dumps(loaded, use_decimal=True, ensure_ascii=False, separators=(",", ":"), default=_written)
    return text.encode()


def flatten(messages: object) -> list[tuple[str, str]]:
    """The messages of a ValidationError as (path, message), the path as in "Packages[0].Items[1].Weight.Value"."""
    return list(_walk(messages, ""))


def _walk(messages: object, path: str) -> Iterator[tuple[str, str]]:
    if not isinstance(messages, Mapping):
        for message in messages if isinstance(messages, list) else [messages]:
            yield path, str(message)
        return
    for key, below in messages.items():
        if key == _SCHEMA:
            yield from _walk(below, path)
        elif isinstance(key, int):
            yield from _walk(below, f"{path}[{key}]")
        else:
            yield from _walk(below, f"{path}.{key}" if path else str(key))


def _refuse(rule: Callable[[Mapping[str, Any]], Iterator[rules.Breach]], given: object) -> None:
    """Raise what a rule found as ValidationError, nested as marshmallow nests it."""
    if not isinstance(given, Mapping):
        return
    messages: dict[str | int, Any] = {}
    for path, message in rule(given):
        node = messages
        for step in path[:-1]:
            node = node.setdefault(step, {})
        node.setdefault(path[-1], []).append(message)
    if messages:
        raise ValidationError(messages)


def _written(value: object) -> str:
    """A moment as ISO 8601 with its offset; nothing else needs help to become JSON."""
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no part of a Create Order request")
