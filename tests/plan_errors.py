"""The errors that planning and submitting can end in, by the type that only its checker reads."""

import ast
import inspect

from theseus.core import errors


def plan_errors() -> frozenset[str]:
    """The names of the classes in `PlanError`."""
    tree = ast.parse(inspect.getsource(errors))
    (union,) = (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "PlanError"
    )
    assert union is not None
    return frozenset(node.id for node in ast.walk(union) if isinstance(node, ast.Name))
