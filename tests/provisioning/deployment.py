"""Deployments of the resource-manager double: a template is carried out round by round.

A round makes every resource whose dependencies exist. Rounds pass only when somebody asks how the
deployment is getting on, so that a test decides how far one gets: a client that goes away leaves it
running, as in Azure. When a resource fails, those made before stay, and the rest is not begun.
"""

from tests.provisioning.resources import Refusal
from tests.provisioning.template import InvalidTemplate, Template


class Deployment:
    def __init__(self, subscription, group, name, properties):
        self.name = name
        self.state = "Running"
        self.error = None
        self.outputs = {}
        self._subscription = subscription
        self._group = group
        self._template = expanded(subscription, group, properties)
        self._headers = self._template.headers()
        self._ids = [self._template.id_of(header) for header in self._headers]
        self._made = {}  # resource by id
        for header in self._headers:
            for needed in header.get("dependsOn", []):
                if needed not in self._ids:
                    raise Refusal(400, "InvalidTemplate", f"dependsOn names '{needed}', which the "
                                  "template does not have")
        problems = self._preflight()
        if problems:
            raise Refusal(400, "InvalidTemplateDeployment", f"The template deployment '{name}' is "
                          "not valid according to the validation procedure. See inner errors for "
                          "details.", [{"code": "PreflightValidationCheckFailed", "message":
                                        "Preflight validation failed.", "details": problems}])

    def _preflight(self):
        problems = []
        for header in self._headers:
            try:
                self._subscription.preflight(header, self._group)
            except Refusal as refusal:
                problems.append({"code": refusal.code, "message": refusal.message})
        return problems

    @property
    def is_active(self):
        return self.state == "Running"

    def go_on(self):
        """One round."""
        if not self.is_active:
            return
        ready = [i for i, header in enumerate(self._headers) if self._ids[i] not in self._made
                 and all(needed in self._made for needed in header.get("dependsOn", []))]
        try:
            for index in ready:
                properties = self._template.properties(index, self._live())
                self._made[self._ids[index]] = self._subscription.put(
                    self._group, self._headers[index], properties)
            if len(self._made) == len(self._headers):
                self.outputs = self._template.outputs(self._live())
                self.state = "Succeeded"
            elif not ready:
                raise InvalidTemplate("the dependencies of the resources are a circle")
        except (Refusal, InvalidTemplate) as problem:
            self._fail(problem)

    def _fail(self, problem):
        code = problem.code if isinstance(problem, Refusal) else "InvalidTemplate"
        self.state = "Failed"
        self.error = {"code": "DeploymentFailed", "message": "At least one resource deployment "
                      "operation failed. Please list deployment operations for details.",
                      "details": [{"code": code, "message": str(problem)}]}

    def _live(self):
        def resource(resource_id):
            if resource_id not in self._made:
                raise InvalidTemplate(f"'{resource_id}' is asked before it exists: dependsOn lacks")
            return self._made[resource_id]

        def list_keys(resource_id, version):
            if not version:
                raise InvalidTemplate("listKeys needs a version of the interface")
            parent, _, policy = resource_id.partition("/iotHubKeys/")
            return self._subscription.keys(resource(parent), policy or None)

        return {"reference": lambda i: self._subscription.properties(resource(i)),
                "listkeys": list_keys}

    def document(self):
        properties = {"provisioningState": self.state, "mode": "Incremental",
                      "parameters": self._template.parameters, "outputs": self.outputs,
                      "correlationId": "00000000-0000-0000-0000-000000000000", "duration": "PT1S",
                      "timestamp": "2026-01-01T00:00:00Z", "templateHash": "1"}
        if self.error:
            properties["error"] = self.error
        group_id = self._subscription.group_id(self._group)
        return {"id": f"{group_id}/providers/Microsoft.Resources/deployments/{self.name}",
                "name": self.name, "type": "Microsoft.Resources/deployments",
                "properties": properties}


def expanded(subscription, group, properties):
    if properties.get("mode", "Incremental") != "Incremental":
        raise Refusal(400, "InvalidDeployment", "only incremental deployments are modelled")
    try:
        values = {name: given["value"] for name, given in properties.get("parameters", {}).items()}
        return Template(properties["template"], values,
                        {"id": subscription.group_id(group), "name": group.name,
                         "location": group.location})
    except InvalidTemplate as problem:
        raise Refusal(400, "InvalidTemplate", str(problem)) from None
