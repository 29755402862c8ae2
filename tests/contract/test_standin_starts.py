import requests

from contract.standins import Guacamole


def test_the_administrator_signs_in_and_makes_a_connection(guacamole_standin: Guacamole) -> None:
    login = requests.post(
        guacamole_standin.url + "api/tokens",
        data={"username": guacamole_standin.username, "password": guacamole_standin.password},
        timeout=10,
    )
    assert login.status_code == 200, login.text
    headers = {"Guacamole-Token": login.json()["authToken"]}
    data = guacamole_standin.url + "api/session/data/postgresql/"
    body = {"name": "a", "protocol": "vnc", "parameters": {"port": 5900}, "attributes": {}}
    made = requests.post(data + "connections", json=body, headers=headers, timeout=10)
    assert made.status_code == 200, made.text
    assert list(requests.get(data + "connections", headers=headers, timeout=10).json()) == [made.json()["identifier"]]
