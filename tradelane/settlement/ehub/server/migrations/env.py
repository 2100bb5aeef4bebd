"""Run by alembic: migrates over the connection it is handed, in that connection's transaction."""

from alembic import context

from tradelane.settlement.ehub.server.fspiop.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
