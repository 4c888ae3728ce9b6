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
        yield _function(function, f"BEGIN {_refuse_all_but_true(model)} RETURN NEW; END")
        kinds = [("update", "ROW"), ("delete", "ROW"), ("truncate", "STATEMENT")]
        for event, each in kinds if model is SealedRow else [("insert", "ROW"), *kinds]:
            timing = f'BEFORE {event.upper()} ON "{table}" FOR EACH {each}'
            yield always(table, name(table, "ledger_" + event), f'{timing} EXECUTE FUNCTION "{function}"()')
    # One look at the whole batch: row by row it would cost a millisecond each.
    table = SealedRow._meta.db_table
    function = name(table, "ledger_true")
    yield _function(function, _SEALED_ROWS_ARE_TRUE)
    timing = f'AFTER INSERT ON "{table}" REFERENCING NEW TABLE AS added FOR EACH STATEMENT'
    yield always(table, name(table, "ledger_insert"), f'{timing} EXECUTE FUNCTION "{function}"()')


def _function(name, body) -> str:
    return (
        f'CREATE FUNCTION "{name}"() RETURNS trigger LANGUAGE plpgsql'
        f" SET search_path FROM CURRENT SET timezone = 'UTC' AS $$ {body} $$"
    )


def _refuse_all_but_true(model) -> str:
    return (
        f"IF TG_OP <> 'INSERT' THEN {_REFUSE} END IF;"
        f" IF ({TRUE.get(model, 'true')}) IS NOT TRUE THEN {_REFUSE} END IF;"
    )


_REFUSE = f"RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'insufficient_privilege';"
_SEALED_ROWS_ARE_TRUE = f"""
    DECLARE lowest bigint; highest bigint; before bytea; one record; named text; is_false boolean;
    BEGIN
        SELECT min(sequence), max(sequence) INTO lowest, highest FROM added;
        IF lowest IS NULL THEN RETURN NULL; END IF;
        SELECT link INTO before FROM "audit_sealedrow" WHERE sequence = lowest - 1;
        IF (SELECT count(*) FROM added) <> highest - lowest + 1
            OR lowest <> COALESCE((SELECT max(sequence) FROM "audit_sealedrow" WHERE sequence < lowest), 0) + 1
            OR highest <> (SELECT max(sequence) FROM "audit_sealedrow") THEN {_REFUSE} END IF;
        IF EXISTS (
            SELECT 1 FROM (
                SELECT n.*, p."table" AS source, lag(n.link) OVER (ORDER BY n.sequence) AS previous
                FROM added n JOIN "audit_shape" p ON p.id = n.shape_id
            ) x WHERE x.link <> sha256(convert_to(
                encode(COALESCE(x.previous, before, decode(repeat('00', 32), 'hex')), 'hex') || '|' || x.sequence
                || '|' || x.source || '|' || x.history_id || '|' || encode(x.digest, 'hex'), 'UTF8'))
        ) THEN {_REFUSE} END IF;
        FOR one IN SELECT id, "table" AS source, columns FROM "audit_shape"
            WHERE id IN (SELECT shape_id FROM added) LOOP
            SELECT string_agg(format('h.%I', c), ', ') INTO named FROM jsonb_array_elements_text(one.columns) c;
            EXECUTE format(
                'SELECT EXISTS (SELECT 1 FROM added n LEFT JOIN %I h ON h.%I = n.history_id WHERE n.shape_id = $1'
                ' AND n.digest IS DISTINCT FROM sha256(convert_to('
                '(SELECT row_to_json(x)::text FROM (SELECT %s) x), ''UTF8'')))', one.source,
                CASE WHEN named LIKE '%h.history_id%' THEN 'history_id' ELSE 'id' END, named
            ) INTO is_false USING one.id;
            IF is_false THEN {_REFUSE} END IF;
        END LOOP;
        RETURN NULL;
    END"""


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
