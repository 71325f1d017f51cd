"""Expands a deployment template as Azure Resource Manager does, as far as ours needs it.

Models: parameters with type, allowed values, limits of length and size, and defaults; variables;
resources with dependsOn; outputs; expressions with text and number literals, member access and the
functions below. Any other function, a nested template, a copy loop or a condition is refused as an
invalid template, so that a template which needs more cannot pass by accident.
"""

import re

TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+)|(?P<name>[A-Za-z_]\w*)"
                   r"|(?P<sign>[().,\[\]]))")
RESOURCE_MEMBERS = {"type", "apiVersion", "name", "location", "dependsOn", "sku", "kind", "tags",
                    "properties", "comments"}
PARAMETER_TYPES = {"string": str, "int": int, "bool": bool, "object": dict, "array": list}


class InvalidTemplate(Exception):
    """What Resource Manager would refuse; the text says why."""


class Expression:
    """One expression in brackets, evaluated with the functions of a scope."""

    def __init__(self, text, functions):
        self._tokens = self._split(text)
        self._functions = functions
        self._text = text

    def value(self):
        result = self._operand()
        if self._tokens:
            raise InvalidTemplate(f"'{self._text}' goes on where it should end")
        return result

    @staticmethod
    def _split(text):
        tokens, at = [], 0
        while at < len(text.rstrip()):
            match = TOKEN.match(text, at)
            if not match:
                raise InvalidTemplate(f"'{text}' is no expression at column {at + 1}")
            tokens.append((match.lastgroup, match.group(match.lastgroup)))
            at = match.end()
        return tokens

    def _next(self, sign=None):
        if not self._tokens or (sign and self._tokens[0] != ("sign", sign)):
            raise InvalidTemplate(f"'{self._text}' lacks {sign or 'an operand'}")
        return self._tokens.pop(0)

    def _sees(self, sign):
        return bool(self._tokens) and self._tokens[0] == ("sign", sign)

    def _operand(self):
        kind, token = self._next()
        if kind == "text":
            return token[1:-1].replace("''", "'")
        if kind == "number":
            return int(token)
        if kind != "name":
            raise InvalidTemplate(f"'{self._text}' has '{token}' where an operand should be")
        value = self._call(token)
        while self._sees(".") or self._sees("["):
            value = self._member(value)
        return value

    def _call(self, name):
        self._next("(")
        arguments = []
        while not self._sees(")"):
            if arguments:
                self._next(",")
            arguments.append(self._operand())
        self._next(")")
        function = self._functions.get(name.lower())
        if function is None:
            raise InvalidTemplate(f"function '{name}' is not modelled")
        return function(*arguments)

    def _member(self, value):
        if self._next()[1] == ".":
            key = self._next()[1]
        else:
            key = self._operand()
            self._next("]")
        try:
            return value[key]
        except (KeyError, IndexError, TypeError):
            raise InvalidTemplate(f"'{self._text}': there is no '{key}'") from None


class Template:
    """A template with the values of its parameters, in one resource group."""

    def __init__(self, document, parameters, group):
        """group: {"id", "name", "location"}; parameters: values by name."""
        self._document = document
        self._group = group
        self._check_members()
        self._parameters = self._take_parameters(parameters)

    def _check_members(self):
        known = {"$schema", "contentVersion", "metadata", "parameters", "variables", "resources",
                 "outputs"}
        for name in set(self._document) - known:
            raise InvalidTemplate(f"member '{name}' of a template is not modelled")
        for name in ("$schema", "contentVersion", "resources"):
            if name not in self._document:
                raise InvalidTemplate(f"a template must have '{name}'")
        for resource in self._document["resources"]:
            for name in set(resource) - RESOURCE_MEMBERS:
                raise InvalidTemplate(f"member '{name}' of a resource is not modelled")

    def _take_parameters(self, given):
        declared = self._document.get("parameters", {})
        for name in set(given) - set(declared):
            raise InvalidTemplate(f"the template has no parameter '{name}'")
        values = {}
        for name, about in declared.items():
            if name not in given and "defaultValue" not in about:
                raise InvalidTemplate(f"the template parameter '{name}' is not provided")
            value = given[name] if name in given else self._evaluate(about["defaultValue"], {})
            self._check_parameter(name, about, value)
            values[name] = value
        return values

    @staticmethod
    def _check_parameter(name, about, value):
        kind = PARAMETER_TYPES[about["type"]]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise InvalidTemplate(f"parameter '{name}' must be of type {about['type']}")
        if value not in about.get("allowedValues", [value]):
            raise InvalidTemplate(f"the value '{value}' of parameter '{name}' is not allowed; it "
                                  f"must be one of {about['allowedValues']}")
        size = len(value) if kind is str else value
        low, high = ("minLength", "maxLength") if kind is str else ("minValue", "maxValue")
        if size < about.get(low, size) or size > about.get(high, size):
            raise InvalidTemplate(f"parameter '{name}' is out of its limits ({low}, {high})")

    def resource_id(self, kind, *names):
        """{group}/providers/{namespace}/{type}/{name}/{type}/{name}..."""
        namespace, *types = kind.split("/")
        if len(types) != len(names):
            raise InvalidTemplate(f"resourceId: '{kind}' needs {len(types)} names")
        path = "".join(f"/{a}/{b}" for a, b in zip(types, names))
        return f"{self._group['id']}/providers/{namespace}{path}"

    def _functions(self, live):
        def parameter(name):
            if name not in self._parameters:
                raise InvalidTemplate(f"there is no parameter '{name}'")
            return self._parameters[name]

        def variable(name):
            if name not in self._document.get("variables", {}):
                raise InvalidTemplate(f"there is no variable '{name}'")
            return self._evaluate(self._document["variables"][name], {})

        return {"parameters": parameter, "variables": variable, "resourceid": self.resource_id,
                "resourcegroup": lambda: self._group,
                "format": lambda text, *values: text.format(*values), **live}

    def _evaluate(self, value, live):
        """live: functions that ask resources which exist: reference, listKeys."""
        if isinstance(value, dict):
            return {key: self._evaluate(member, live) for key, member in value.items()}
        if isinstance(value, list):
            return [self._evaluate(member, live) for member in value]
        if isinstance(value, str) and value.startswith("[") and value.endswith("]"):
            return Expression(value[1:-1], self._functions(live)).value()
        return value

    def headers(self):
        """Each resource without its properties: what is known before anything exists."""
        return [self._evaluate({key: value for key, value in resource.items()
                                if key != "properties"}, {})
                for resource in self._document["resources"]]

    def id_of(self, header):
        return self.resource_id(header["type"], *header["name"].split("/"))

    def properties(self, index, live):
        return self._evaluate(self._document["resources"][index].get("properties", {}), live)

    def outputs(self, live):
        return {name: {"type": about["type"].capitalize(),
                       "value": self._evaluate(about["value"], live)}
                for name, about in self._document.get("outputs", {}).items()}

    @property
    def parameters(self):
        declared = self._document.get("parameters", {})
        return {name: {"type": declared[name]["type"].capitalize(), "value": value}
                for name, value in self._parameters.items()}
