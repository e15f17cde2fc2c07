"""Build settings that pyproject.toml cannot hold: the list of packages is read from the folders."""

from setuptools import find_packages, setup

FOLDERS = ("api", "cli", "flows", "gateways", "models", "tasks")
PACKAGES = find_packages(include=[f"{folder}{rest}" for folder in FOLDERS for rest in ("", ".*")])

setup(
    packages=["order_factory", *(f"order_factory.{package}" for package in PACKAGES)],
    package_dir={"order_factory": "."},
    package_data={
        "order_factory": ["prefect.yaml", "automations/*.yaml"],
        "order_factory.models.database": [
            "migrations/*.mako",
            "migrations/*.py",
            "migrations/versions/*.py",
        ],
        "order_factory.tasks.imports.platforms": ["formats/*.yaml"],
        "order_factory.tasks.reports": ["*.html.jinja"],
        **{f"order_factory.{folder}": ["py.typed"] for folder in FOLDERS},
        "order_factory.cli": ["py.typed", "prefect_tables.sql"],
    },
)
