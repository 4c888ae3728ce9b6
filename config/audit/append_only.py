"""What the database refuses on the tables of the ledger: every change, every removal, every false link.

Whoever may insert here at all (the application) can only insert what is true: the next sequence, the right
link, the digest the row has. On SQLite the digest is left to `audit verify`, which finds a false one.
"""

from django.apps import apps

from config.audit.ledger import Anchor, Record, Seal, SealedRow

MESSAGE = "The ledger is append-only."
# For each table what an insert must fulfil; `NEW` is the row, and the two databases read it alike.
TRUE = {
    SealedRow: 'NEW.sequence = COALESCE((SELECT max(sequence) FROM "audit_sealedrow"), 0) + 1',
    Seal: (
        'NEW.first = COALESCE((SELECT max(last) FROM "audit_seal"), 0) + 1 AND NEW.last >= NEW.first'
        ' AND NEW.last = (SELECT max(sequence) FROM "audit_sealedrow")'
        ' AND NEW.link = (SELECT link FROM "audit_sealedrow" WHERE sequence = NEW.last)'
    ),
    Anchor: 'NEW.link = (SELECT link FROM "audit_sealedrow" WHERE sequence = NEW.sequence)',
}
_PREVIOUS = 'SELECT link FROM "audit_sealedrow" WHERE sequence = NEW.sequence - 1'
_TABLE = 'SELECT "table" FROM "audit_shape" WHERE id = NEW.shape_id'


def models() -> list[type]:
    """The models of the ledger: the sealed rows and every kind of record."""
    return [m for m in apps.get_models() if m is SealedRow or issubclass(m, Record)]


def postgresql(name, always):
    """The statements for PostgreSQL; `name(table, kind)` names a trigger, `always` makes one that stays on."""
    for model in models():
        table = model._meta.db_table
        function = name(table, "ledger")
        yield f"""
            CREATE FUNCTION "{function}"() RETURNS trigger LANGUAGE plpgsql
            SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
            {_body(model)}
            $$"""
        for event, each in (
            ("insert", "ROW"),
            ("update", "ROW"),
            ("delete", "ROW"),
            ("truncate", "STATEMENT"),
        ):
            yield always(
                table,
                name(table, "ledger_" + event),
                f'BEFORE {event.upper()} ON "{table}" FOR EACH {each} EXECUTE FUNCTION "{function}"()',
            )


def _body(model) -> str:
    refuse = f"RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'insufficient_privilege';"
    row = _sealed_row_is_true(refuse) if model is SealedRow else ""
    true = TRUE.get(model, "true")
    declared = "DECLARE previous bytea; source text; named text; written text;" if model is SealedRow else ""
    return f"""{declared} BEGIN
        IF TG_OP <> 'INSERT' THEN {refuse} END IF;
        IF ({true}) IS NOT TRUE THEN {refuse} END IF;
        {row} RETURN NEW;
    END"""


def _sealed_row_is_true(refuse) -> str:
    return f"""
        previous := COALESCE(({_PREVIOUS}), decode(repeat('00', 32), 'hex'));
        source := ({_TABLE});
        IF NEW.link <> sha256(convert_to(encode(previous, 'hex') || '|' || NEW.sequence || '|' || source
            || '|' || NEW.history_id || '|' || encode(NEW.digest, 'hex'), 'UTF8')) THEN {refuse} END IF;
        SELECT string_agg(format('h.%I', c), ', ') INTO named
            FROM (SELECT jsonb_array_elements_text(columns) c FROM "audit_shape" WHERE id = NEW.shape_id) s;
        EXECUTE format(
            'SELECT (SELECT row_to_json(x)::text FROM (SELECT %s) x) FROM %I h WHERE h.%I = $1', named, source,
            CASE WHEN named LIKE '%h.history_id%' THEN 'history_id' ELSE 'id' END
        ) INTO written USING NEW.history_id;
        IF NEW.digest IS DISTINCT FROM sha256(convert_to(written, 'UTF8')) THEN {refuse} END IF;"""


def sqlite(name):
    """The statements for SQLite."""
    for model in models():
        table, key = model._meta.db_table, model._meta.pk.column
        refuse = f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
        for event in ("update", "delete"):
            yield f'CREATE TRIGGER "{name(table, "ledger_" + event)}" BEFORE {event.upper()} ON "{table}" {refuse}'
        true = TRUE.get(model, "1")
        if model is SealedRow:
            link = f"aftercare_link(({_PREVIOUS}), NEW.sequence, ({_TABLE}), NEW.history_id, NEW.digest)"
            true = f"{true} AND NEW.link IS {link}"
        # REPLACE fires no trigger for what it removes.
        replaces = f'EXISTS (SELECT 1 FROM "{table}" WHERE "{key}" = NEW."{key}")'
        yield (
            f'CREATE TRIGGER "{name(table, "ledger_insert")}" BEFORE INSERT ON "{table}"'
            f" WHEN {replaces} OR ({true}) IS NOT 1 {refuse}"
        )


def names(name, vendor) -> set[str]:
    """The names of the triggers there should be."""
    kinds = ["insert", "update", "delete"] + ["truncate"] * (vendor == "postgresql")
    return {name(model._meta.db_table, "ledger_" + kind) for model in models() for kind in kinds}
