"""An example service that keeps orders.

GET /orders requires the scope orders:read, POST /orders requires orders:write, and GET /me requires any valid token.

pip install -r requirements.txt && uvicorn main:app --port 9002
"""

from typing import Annotated

from auth import claims
from fastapi import FastAPI, Security
from pydantic import BaseModel

app = FastAPI(title="Orders")


class Order(BaseModel):
    item: str
    by: str = ""


orders: list[Order] = []


@app.get("/orders")
def list_orders(_: Annotated[dict, Security(claims, scopes=["orders:read"])]) -> list[Order]:
    return orders


@app.post("/orders", status_code=201)
def create_order(order: Order, token: Annotated[dict, Security(claims, scopes=["orders:write"])]) -> Order:
    order.by = token["sub"]
    orders.append(order)
    return order


@app.get("/me")
def me(token: Annotated[dict, Security(claims)]) -> dict:
    return {"sub": token["sub"], "client_id": token["client_id"], "scopes": token.get("scope", "").split()}
