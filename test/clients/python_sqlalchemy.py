#!/usr/bin/python3
"""SQLAlchemy with a type of its own for vectors, as its documentation has for types that it does not know."""

import warnings

from sqlalchemy import BigInteger, Column, Index, MetaData, Table, create_engine, func, inspect, select, text as sql_text
from sqlalchemy.orm import Session, declarative_base
from sqlalchemy.types import Float, UserDefinedType

from lib.client import EMBEDDINGS, HOST, PORT, QUERY, ROWS, USER, finish, is_, nearest, start, text, uses

database = start("sqlalchemy")


class Vector(UserDefinedType):
    cache_ok = True

    def __init__(self, dimensions=None):
        self.dimensions = dimensions

    def get_col_spec(self, **options):
        return "vector" if self.dimensions is None else f"vector({self.dimensions})"

    def bind_processor(self, dialect):
        return lambda value: None if value is None else text(value)

    def result_processor(self, dialect, type_of_column):
        return lambda value: None if value is None else [float(x) for x in value[1:-1].split(",")]

    class comparator_factory(UserDefinedType.Comparator):
        def l2_distance(self, other):
            return self.op("<->", return_type=Float)(other)

        def cosine_distance(self, other):
            return self.op("<=>", return_type=Float)(other)

        def max_inner_product(self, other):
            return self.op("<#>", return_type=Float)(other)


Base = declarative_base()


class Item(Base):
    __tablename__ = "item"
    id = Column(BigInteger, primary_key=True)
    embedding = Column(Vector(8))
    __table_args__ = (
        Index("item_embedding", "embedding", postgresql_using="hnsw", postgresql_with={"m": 16, "ef_construction": 64},
              postgresql_ops={"embedding": "vector_cosine_ops"}),
        Index("item_l2", "embedding", postgresql_using="ivfflat", postgresql_with={"lists": 100}, postgresql_ops={"embedding": "vector_l2_ops"}),
    )


engine = create_engine(f"postgresql+psycopg2://{USER}@/{database}?host={HOST}&port={PORT}")
with engine.begin() as connection:
    connection.execute(sql_text("CREATE EXTENSION IF NOT EXISTS vector"))
Base.metadata.create_all(engine)
is_({index["name"] for index in inspect(engine).get_indexes("item")}, {"item_embedding", "item_l2"}, "indexes by create_all()")

with Session(engine) as session:
    session.add(Item(embedding=EMBEDDINGS[0].tolist()))
    session.commit()
    session.bulk_insert_mappings(Item, [{"embedding": e.tolist()} for e in EMBEDDINGS[1:]])
    session.commit()
    is_(session.query(Item).count(), ROWS, "rows")

    items = session.scalars(select(Item).order_by(Item.embedding.cosine_distance(QUERY)).limit(5)).all()
    nearest([item.id for item in items], "cosine", "cosine_distance")
    is_(items[0].embedding, EMBEDDINGS[items[0].id - 1].tolist(), "a row")
    nearest([item.id for item in session.scalars(select(Item).order_by(Item.embedding.l2_distance(QUERY)).limit(5))], "l2", "l2_distance")
    nearest([item.id for item in session.scalars(select(Item).order_by(Item.embedding.max_inner_product(QUERY)).limit(5))], "ip", "max_inner_product")

    # the distance selected too, by its label; within a distance
    distance = Item.embedding.l2_distance(QUERY).label("distance")
    rows = session.execute(select(Item.id, distance).where(distance < 3).order_by("distance").limit(5)).all()
    nearest([row.id for row in rows], "l2", "a labelled distance", k=len(rows))
    # the average of vectors
    mean = session.execute(select(func.avg(Item.embedding, type_=Vector))).scalar()
    is_([round(x, 4) for x in mean], [round(float(x), 4) for x in EMBEDDINGS.mean(axis=0, dtype=float)], "avg")

    for index, order in (("item_embedding", Item.embedding.cosine_distance(QUERY)), ("item_l2", Item.embedding.l2_distance(QUERY))):
        query = select(Item).order_by(order).limit(5).compile(engine, compile_kwargs={"render_postcompile": True})
        uses(index, session.connection().exec_driver_sql(f"EXPLAIN {query}", query.construct_params() | {
            name: text(value) for name, value in query.params.items() if name.startswith("embedding")}).fetchall(), index)
    session.execute(sql_text("SET LOCAL hnsw.ef_search = 100"))
    nearest([item.id for item in session.scalars(select(Item).order_by(Item.embedding.l2_distance(QUERY)).limit(5))], "l2", "SET LOCAL")

# what reflection says of the table, as a migration tool reads it: the indexes, but not a type that it does not know
warnings.filterwarnings("ignore", "Did not recognize type 'vector'")
reflected = Table("item", MetaData(), autoload_with=engine)
is_(sorted(index.name for index in reflected.indexes), ["item_embedding", "item_l2"], "reflected indexes")
engine.dispose()
finish(2)
