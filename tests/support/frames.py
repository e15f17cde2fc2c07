"""Read and write a table in each format of a batch file, as people do with pandas."""

from io import BytesIO

import pandas as pd

ENDINGS = (".csv", ".jsonl", ".parquet", ".xlsx")


def read_frame(content: bytes, ending: str) -> pd.DataFrame:
    file = BytesIO(content)
    if ending == ".csv":
        return pd.read_csv(file, dtype=str)
    if ending == ".jsonl":
        return pd.read_json(file, lines=True, dtype=False)
    return pd.read_parquet(file) if ending == ".parquet" else pd.read_excel(file, dtype=str)


def write_frame(frame: pd.DataFrame, ending: str) -> bytes:
    buffer = BytesIO()
    if ending == ".csv":
        frame.to_csv(buffer, index=False)
    elif ending == ".jsonl":
        frame.to_json(buffer, orient="records", lines=True)
    elif ending == ".parquet":
        frame.to_parquet(buffer)
    else:
        frame.to_excel(buffer, index=False)
    return buffer.getvalue()
