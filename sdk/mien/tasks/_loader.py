"""Loads the networks that a task asks for, each once, from its bundle and from bundles that this one refers to."""

from __future__ import annotations

from collections.abc import Sequence

from mien.backends.running import Running
from mien.backends.select import Choice, Terms, load
from mien.bundle import Bundle
from mien.errors import BundleError
from mien.locate import beside


class Loader:
    """The networks of one bundle, as `load(name)`.

    Attributes:
        bundle: where they come from; closed by `close`.
    """

    def __init__(self, bundle: Bundle, terms: Terms, trust: Sequence[bytes] | None = None) -> None:
        self.bundle = bundle
        self._terms, self._trust = terms, trust
        self._loaded: dict[str, Running] = {}
        self._others: list[Loader] = []

    @property
    def others(self) -> int:
        """Threads of each engine besides the caller's, which is one of them unless engines keep to themselves."""
        return self._terms.threads - (not self._terms.away)

    def __call__(self, name: str) -> Running:
        """A network by its name in the manifest. Raises BundleError, DeviceError, ModelError, MissingExtraError."""
        if name not in self._loaded:
            if name not in self.bundle.manifest.networks:
                raise BundleError("manifest.field", f"The manifest describes no network {name!r}.", "")
            self._loaded[name] = load(self.bundle, self.bundle.manifest.networks[name], self._terms)
        return self._loaded[name]

    def other(self, name: str) -> Loader:
        """A bundle that this one refers to, under the same terms. Raises BundleError as `beside` and `Bundle.open`."""
        loader = Loader(Bundle.open(beside(self.bundle.path, name), self._trust), self._terms, self._trust)
        self._others.append(loader)
        return loader

    def done(self) -> None:
        """Refuses what stands in a manifest and nobody read; to be called when the task has read its sections."""
        self.bundle.manifest.root.done()
        for other in self._others:
            other.done()

    def choices(self) -> list[Choice]:
        """Where each loaded network runs, those of other bundles last."""
        own = [network.choice for network in self._loaded.values()]
        return own + [choice for other in self._others for choice in other.choices()]

    def close(self) -> None:
        """Lets go of the bundles' files."""
        self.bundle.close()
        for other in self._others:
            other.close()
