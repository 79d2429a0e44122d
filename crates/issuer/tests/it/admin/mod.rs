mod administrators;
mod audit;
mod lists;
mod new_client;
