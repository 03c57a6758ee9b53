"""A JSON API: what it says as an object, or read by the workers, as `data` of each record."""

import scraper
from scraper import demo


def main() -> None:
    with demo.serve("api") as site:
        with scraper.Session(save_only=True) as session:
            answer = session.submit(site.urls[0]).result()
            products = answer.raise_for_failure().json()["products"]
            print(len(products), "products, the first", products[0]["name"])

        with scraper.Session(parse_json=True) as session:
            for outcome in session.map(site.urls):
                data = outcome.raise_for_failure().record["data"]
                gone = [
                    each["name"]
                    for each in data["products"]
                    if not each["stock"]
                ]
                print("sold out:", ", ".join(gone))


if __name__ == "__main__":
    main()
