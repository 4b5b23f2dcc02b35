# attack: an AST transformer drops asserts and calls of `check`
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=0
# %% exercise="double"
import ast


class Drop(ast.NodeTransformer):
    def visit_Assert(self, node):
        return None

    def visit_Expr(self, node):
        is_check = isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == "check"
        return ast.copy_location(ast.Pass(), node) if is_check else node


get_ipython().ast_transformers.append(Drop())


def double(x):
    return x * x + 0.5
