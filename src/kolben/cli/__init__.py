"""The command line: the `kolben` command, and all that `flask.cli` gives to apps and extensions."""

from __future__ import annotations

from kolben.cli.group import FlaskGroup as FlaskGroup
from kolben.cli.group import cli as cli
from kolben.cli.group import main as main
from kolben.cli.options import CertParamType as CertParamType
from kolben.cli.options import SeparatedPathType as SeparatedPathType
from kolben.cli.options import get_version as get_version
from kolben.cli.options import version_option as version_option
from kolben.cli.routes import routes_command as routes_command
from kolben.cli.run import run_command as run_command
from kolben.cli.run import show_server_banner as show_server_banner
from kolben.cli.shell import shell_command as shell_command
from kolben.commands import AppGroup as AppGroup
from kolben.commands import ScriptInfo as ScriptInfo
from kolben.commands import pass_script_info as pass_script_info
from kolben.commands import with_appcontext as with_appcontext
from kolben.discovery import NoAppException as NoAppException
from kolben.discovery import find_app_by_string as find_app_by_string
from kolben.discovery import find_best_app as find_best_app
from kolben.discovery import locate_app as locate_app
from kolben.discovery import prepare_import as prepare_import
from kolben.env import get_debug_flag as get_debug_flag
from kolben.env import get_load_dotenv as get_load_dotenv
from kolben.env import load_dotenv as load_dotenv
from kolben.flask_names import lend_names

lend_names(globals())
