"""Reading a config: a YAML file that holds a mapping of plain values.

read_yaml("work/model/config.yaml")["learning_rate"]
"""

from .kinds import refuse_other
from .opening import MIB, Refusal, open_file, refusals_name
from .pickle_values import PLAIN, check_plain

YAML_BYTES = 1 * MIB  # a config has under 10 kB, 10,000 class names about 200 kB


def read_yaml(path, limit_bytes=YAML_BYTES):
    """The mapping in a YAML file: dict with text keys of None, bool, int, float, str, lists and dicts.

    Raises:
        FasterNetError: the file cannot be opened or is too large.
        RefusedFile: no such mapping; aliases are refused, by which a few lines unfold to billions.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        def compose_node(self, parent, index):
            if self.check_event(yaml.AliasEvent):
                raise Refusal("YAML aliases (*name) are not read")
            node = super().compose_node(parent, index)
            if node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float") and len(node.value) > 64:
                raise Refusal("a number has more than 64 characters")  # 1:59:59:... takes quadratic time
            return node

    with open_file(path, limit_bytes) as (file, size), refusals_name(path, "YAML file"):
        refuse_other(file, "a YAML file")
        values = yaml.load(file.read(size), Loader=Loader)
        check_plain(values, PLAIN - {bytes})
        if type(values) is not dict or not all(type(key) is str for key in values):
            raise Refusal("it must be a mapping from names to values")
        return values
