"""Asks MongoDB's primary for a ping."""

import pymongo
from pymongo import MongoClient

from pipeline.adapters.mongo.connection import Document, mapped_errors


class MongoProbe:
    def __init__(self, client: "MongoClient[Document]") -> None:
        self._client = client

    def ask(self, timeout_s: float) -> str:
        with mapped_errors(), pymongo.timeout(timeout_s):
            self._client.admin.command("ping")
        return "answers"
